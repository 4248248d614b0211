# bash completion of tiderelay: commands, their options, and dmctl's commands behind `ctl`.
_tiderelay() {
  local word=${COMP_WORDS[COMP_CWORD]} command='' ctl='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case ${COMP_WORDS[at]} in
      -*) continue ;;
    esac
    if [ -z "$command" ]; then
      command=${COMP_WORDS[at]}
    elif [ "$command" = ctl ] && [ -z "$ctl" ]; then
      ctl=${COMP_WORDS[at]}
      [[ ${COMP_WORDS[at - 1]} == --addr || ${COMP_WORDS[at - 1]} == --*-file || ${COMP_WORDS[at - 1]} == --ca ]] && ctl=''
    fi
  done
  local words=''
  case $command in
    '') words='run check verify dump serve ctl binlog import encrypt decrypt options version --help --version' ;;
    run) words='--task --source --data-dir --until-synced --remove-meta --no-checks --secret-key-path --help' ;;
    check) words='--task --source --data-dir --error --warn --secret-key-path --help' ;;
    verify) words='--task --source --table --repair --threads --chunk-rows --wait --differences --secret-key-path --help' ;;
    dump) words='--source --task --output --threads --filesize --no-locks --secret-key-path --help' ;;
    serve) words='--config --data-dir --listen --help' ;;
    import) words='--output --secret-key-path --help' ;;
    options) words='--markdown --help' ;;
    encrypt | decrypt) words='--secret-key-path --help' ;;
    ctl)
      case $ctl in
        '') words='binlog check-task config list-member operate-source pause-relay pause-task purge-relay query-error query-status
                   resume-relay resume-task resync-table shard-ddl-lock start-task stop-task update-task help --addr --token-file --ca --timeout' ;;
        binlog | handle-error) words='skip replace inject revert list -b -s' ;;
        operate-source) words='create update stop show' ;;
        config) words='task source export import' ;;
        start-task) words='--remove-meta -s' ;;
        query-status) words='--more -s' ;;
        *) words='-s' ;;
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _tiderelay tiderelay
