#!/usr/bin/env bash
# Builds everything and runs every test; the last line is the plain count. `./test.sh --long` adds the long ones.
set -uo pipefail
cd "$(dirname "$0")"
# Long tests are explicit and called Long_…; left out by name, they do not count as skipped.
which=(--filter-not-method "*.Long_*")
[ "${1:-}" = "--long" ] && which=(--explicit on)

dotnet restore --locked-mode -v q || { echo "restore failed"; exit 1; }
dotnet build --no-restore -c Release -v q -nologo || { echo "build failed"; exit 1; }

logs=$(mktemp -d)
run() { # projects of tests, one after the other, each with a log and an exit code
  local project
  for project in "$@"; do
    dotnet test --project "tests/$project" -c Release --no-build "${which[@]}" >"$logs/$project" 2>&1
    echo $? >"$logs/$project.code"
    { echo "== $project"; cat "$logs/$project"; } # at once, so that two lanes do not mix
  done
}

mapfile -t others < <(cd tests && ls -d *.Tests | grep -vx -e NatLab.Tests -e Mesh.Tests)
run NatLab.Tests & # mostly waits for its networks
run "${others[@]}"
wait
run Mesh.Tests # many processes of its own

passed=0 failed=0 skipped=0 broken=0
for log in "$logs"/*.Tests; do
  count() { sed -n "s/^ *$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
  p=$(count succeeded) f=$(count failed) s=$(count skipped)
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
  if [ "$(cat "$log.code")" -ne 0 ] || [ -z "$p" ]; then
    broken=1
    [ "${f:-0}" -gt 0 ] || failed=$((failed + 1)) # the runner itself ended badly
  fi
done
rm -rf "$logs"
echo "$passed passed, $failed failed, $skipped skipped"
exit "$broken"
