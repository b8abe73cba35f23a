#!/bin/sh
# Runs a program in the client's terminal and leaves its exit code in a file for the adapter. Prints nothing itself.
status_file=$1
shift
"$@"
code=$?
printf '%s\n' "$code" >"$status_file" 2>/dev/null
exit "$code"
