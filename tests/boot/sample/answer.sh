#!/bin/sh
# One connection: reads the head of a request, answers.
while IFS= read -r line && [ "${#line}" -gt 1 ]; do :; done
body="healthy: $(cat /etc/sample-greeting)"
printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s\n' "$(($(printf %s "$body" | wc -c) + 1))" "$body"
