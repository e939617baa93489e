#!/bin/sh
# Fails when a configuration lacks what fragments ask for: kept.sh CONFIGURATION FRAGMENT...
set -eu

configuration=$1
shift
# What is off is off as well where Kconfig does not show it; what was left out of a string stays left out.
dropped=$(
	grep -hE '^[A-Z0-9_a-z]+=' "$@" | grep -vE '=n$' | grep -vxFf "$configuration" || true
	sed -nE 's/^# ([A-Z0-9_a-z]+) is not set$/\1/p; s/^([A-Z0-9_a-z]+)=n$/\1/p' "$@" |
		while read -r off; do
			grep -E "^$off=" "$configuration" | sed "s/\$/ (asked for: off)/" || true
		done
)
if [ -n "$dropped" ]; then
	echo "$configuration lacks what was asked for:" >&2
	echo "$dropped" >&2
	exit 1
fi
