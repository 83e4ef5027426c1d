# Runs "$@" and ends with it, or kills it when our standard input ends: whoever started us holds the other end of that
# pipe and never writes, so it ends exactly when that process is gone, however it went. We lead a process group of our
# own, so "kill 0" reaches the child and nothing else.
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
(
    while read -r _; do :; done <&3
    kill -KILL 0
) &
watch=$!
exec 3<&-
wait "$child"
status=$?
kill -KILL "$watch"
exit "$status"
