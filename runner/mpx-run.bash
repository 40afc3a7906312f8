# Completion of mpx-run for bash. It needs nothing of the package bash-completion; where that is
# there, the program's own arguments are completed as for the program alone.

# The options, and those of them that a value follows.
_mpx_run_valued='-n --ranks -w --workers -N --nodes --ranks-per-node --slots-per-rank
  --cpus-per-slot --launcher --hostfile --host -x --timeout --grace --output --mpi-arg'
_mpx_run_plain='--dry-run --tag-output -v --verbose --doctor --version -h --help'

# _mpx_run_program: the place of the program among COMP_WORDS, as far as there is one.
_mpx_run_program() {
  local at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case ${COMP_WORDS[at]} in
      --) at=$((at + 1)) && break ;;
      -*)
        # readline makes three words of --launcher=srun, and of a:4.
        if [ "${COMP_WORDS[at + 1]-}" = = ]; then
          at=$((at + 2))
        elif [[ " ${_mpx_run_valued//$'\n'/ } " = *" ${COMP_WORDS[at]} "* ]]; then
          at=$((at + 1))
        fi
        while [[ ${COMP_WORDS[at + 1]-} = [:=] ]]; do at=$((at + 2)); done
        ;;
      *) break ;;
    esac
  done
  echo "$at"
}

_mpx_run() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program
  [ "$word" != = ] || word=
  [ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}
  COMPREPLY=()
  program=$(_mpx_run_program)
  if [ "$program" -lt "$COMP_CWORD" ]; then
    if declare -F _command_offset >/dev/null; then
      _command_offset "$program"
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      compopt -o filenames 2>/dev/null
    fi
    return
  fi
  local how
  [ "$word" != : ] || return
  case $before in
    --launcher) how=(-W 'auto mpirun srun') ;;
    --host) how=(-A hostname) ;;
    --hostfile) how=(-f) ;;
    --output) how=(-d) ;;
    -x) how=(-e) ;;
    : | -n | --ranks | -w | --workers | -N | --nodes | --ranks-per-node | --slots-per-rank) return ;;
    --cpus-per-slot | --timeout | --grace | --mpi-arg) return ;;
    *)
      case $word in
        -*) how=(-W "$_mpx_run_valued $_mpx_run_plain") ;;
        */*) how=(-f) ;;
        *) how=(-c -f) ;;
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen "${how[@]}" -- "$word")
  case ${how[*]} in *-f* | *-d*) compopt -o filenames 2>/dev/null ;; esac
} && complete -F _mpx_run mpx-run
