#!/bin/sh
# One connection: reads the head of a request, answers.
while IFS= read -r line && [ "${#line}" -gt 1 ]; do :; done
body="healthy: $GREETING"
printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s\n' "$((${#body} + 1))" "$body"
