#!/bin/sh
# Installs the sample: systemd listens, and a shell answers each connection.
set -eu
echo "installing for $SIGNET_PRODUCT"
env | grep ^SIGNET_ | sort >/root/environment
[ -s "$SIGNET_LICENSE_FILE" ]
cp answer.sh /usr/local/bin/sample-answer
printf %s "${SIGNET_PARAM_GREETING-}" >/etc/sample-greeting
cat >/etc/systemd/system/sample.socket <<X
[Socket]
ListenStream=8080
Accept=yes
X
cat >/etc/systemd/system/sample@.service <<X
[Service]
ExecStart=/bin/sh /usr/local/bin/sample-answer
StandardInput=socket
StandardError=journal
X
systemctl daemon-reload
systemctl start sample.socket
