#!/usr/bin/env bash
# Calling run.pl, slurm.pl and queue.pl; to be sourced. As in Kaldi, these scripts let the shell of the
# job expand the words of a command ($, *, \|), and replace JOB anywhere by the number of the job.

# quote_job_words WORD...: set the array job_words to these words, quoted so that the job gets them
# unchanged. The quoted words contain no spaces, since run.pl would put further quotes around them.
quote_job_words() {
  local word
  job_words=()
  for word in "$@"; do
    printf -v word %q "$word"
    if [[ $word == \$\'* ]]; then # the form for line breaks and other control characters
      word=${word// /'\x20'}
    else
      word=${word//'\ '/"\$'\\x20'"}
    fi
    job_words+=("$word")
  done
}

# name_job TEXT: set job_name to JOB, or to a longer name if the text contains JOB
name_job() {
  job_name=JOB
  while [[ $1 == *"$job_name"* ]]; do
    job_name=_$job_name
  done
}

# end_children: ask the programs that this script has started to end. Of a signal that only the script
# got (kill), a child does not know, and would go on alone.
end_children() {
  local children=()
  read -ra children <"/proc/$$/task/$$/children" 2>/dev/null || true
  [ ${#children[@]} -eq 0 ] || kill "${children[@]}" 2>/dev/null || true
}
