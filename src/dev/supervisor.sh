# Runs a PostgreSQL server for as long as the standard input is open.
#
# Arguments: what to do when the input ends (fast or immediate), a directory to remove then (or nothing), the server's
# command line. Prints the server's process id, then "done" after each order that it carried out.
at_end=$1 remove=$2
shift 2
# The kernel hangs up on a process group that its parent's end orphans while a member is frozen.
trap '' HUP
"$@" </dev/null >&2 &
server=$!
echo "$server"

# Only of Linux: the server's children, each of which is a session leader, so that no process group holds them all.
children() {
  for stat in /proc/[0-9]*/stat; do
    read -r pid name state parent rest <"$stat" && [ "$parent" = "$server" ] && echo "$pid"
  done 2>/dev/null
}

while read -r order; do
  case $order in
    freeze) # The server first: from then on there are no new children.
      kill -STOP "$server"
      kill -STOP $(children) 2>/dev/null
      ;;
    thaw) kill -CONT $(children) "$server" ;;
    fast | immediate) break ;;
  esac
  echo done
done

case ${order:-$at_end} in
  immediate) signal=QUIT ;;
  *) signal=INT ;;
esac
kill -s "$signal" "$server"
kill -CONT $(children) "$server" 2>/dev/null
wait "$server"
if [ -z "$order" ] && [ -n "$remove" ]; then
  rm -rf "$remove"
fi
