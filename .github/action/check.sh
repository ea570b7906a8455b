#!/usr/bin/env bash
# Runs the gate and hands its reports to GitHub: annotations, the job's summary, outputs, exit code.
set -uo pipefail

reports=${REPORTS:-${RUNNER_TEMP:-/tmp}/threatgate/reports}
mkdir -p "$reports" || exit 2
rm -f "$reports"/threatgate.{json,sarif,md,txt}

arguments=(check --repo "$REPO"
  --format "json=$reports/threatgate.json"
  --format "sarif=$reports/threatgate.sarif"
  --format "markdown=$reports/threatgate.md"
  --format "text=$reports/threatgate.txt"
  --format github)
[[ -z $BASE ]] || arguments+=("--base=$BASE")
[[ -z $HEAD ]] || arguments+=("--head=$HEAD")
[[ -z $POLICY ]] || arguments+=("--policy=$POLICY")

"$THREATGATE" "${arguments[@]}"
code=$?

# The report quotes the repository's own words; none of them may act as a workflow command.
if [[ -s $reports/threatgate.txt ]]; then
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$token"
  cat "$reports/threatgate.txt"
  printf '::%s::\n' "$token"
fi

# Fields of the outermost object stand two columns in, and no JSON text holds a line break.
verdict=
review=
if [[ -s $reports/threatgate.json ]]; then
  verdict=$(sed -n 's/^  "verdict": "\([a-z]*\)",*$/\1/p' "$reports/threatgate.json")
  review=$(sed -n 's/^    "id": "\(TR-[0-9a-f]*\)",*$/\1/p' "$reports/threatgate.json")
fi
case $code in
  0 | 1 | 3) ;;
  4) verdict=${verdict:-incomplete} ;;
  *) verdict=error ;;
esac
[[ -n $verdict ]] || verdict=error

{
  echo "verdict=$verdict"
  echo "review-id=$review"
  for name in json sarif md; do
    file=$reports/threatgate.$name
    [[ -s $file ]] && echo "${name/#md/markdown}=$file"
  done
} >>"$GITHUB_OUTPUT"

if [[ -s $reports/threatgate.md ]]; then
  cat "$reports/threatgate.md" >>"$GITHUB_STEP_SUMMARY"
else
  printf '### threatgate: %s\n\nThere is no report; the log of this step says why.\n' "$verdict" >>"$GITHUB_STEP_SUMMARY"
fi

# A gate that could not run is no verdict: exit-zero does not hide it.
[[ $verdict == error ]] && exit 2
[[ $EXIT_ZERO == true ]] && exit 0
exit "$code"
