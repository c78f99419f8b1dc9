#!/usr/bin/env bash
# Names of experiments, derived from their settings; to be sourced.

# default_tag VERB CONFIG ARGS: for conf/VERB_wide.yaml and "--a.b 1", print "wide_b1"
# The last part of a setting's name is enough to identify it, except for the decoder, corpora and data.norm.
# Names that would be too long or contain special characters end with a checksum.
default_tag() {
  local tag args='' plain name word words separator=' '
  tag=$(basename "$2" .yaml)
  read -ra words <<<"$3"
  for word in "${words[@]}"; do
    if [[ $word == --* ]]; then
      name=${word%%=*}
      separator=${word:${#name}:1} # empty: the value is the next word
      separator=${separator:+ }
      word=${word:${#name}+1}
      name=${name#--}
      name=${name//-/_}
      [[ $name == *decoder.* || $name == corpora.* || $name == data.norm ]] || name=${name##*.}
      args+=_${name#model.}$word
    else
      args+=$separator$word
      separator=' '
    fi
  done
  plain=${args//[^[:alnum:]._+-]/}
  if [ "$plain" != "$args" ] || [ ${#plain} -gt 60 ]; then
    plain=${plain:0:50}_$(printf %08x "$(cksum <<<"${words[*]}" | cut -d ' ' -f 1)")
  fi
  tag=${tag#"$1"}$plain
  echo "${tag#_}"
}

# joined A B: print A_B, or the one that is not empty
joined() {
  echo "$1${1:+${2:+_}}$2"
}
