#!/usr/bin/env bash
# How trainings are launched on this machine or as jobs; utils/asda.sh sources this file.
# shellcheck disable=SC2034,SC2154 # the variables are those of utils/asda.sh

# check_training_jobs: fail at once if a training cannot be launched as asked for
check_training_jobs() {
  local name
  for name in num_nodes chain; do
    [[ ${!name} =~ ^[1-9][0-9]*$ ]] || fail "--${name/_/-} must be 1 or more, not '${!name}'"
    [ "${!name}" -eq 1 ] || [ "$cmd_backend" = slurm ] ||
      fail "--${name/_/-} ${!name} needs cmd_backend=slurm (cmd.sh), not $cmd_backend"
  done
  for name in cpus_per_gpu mem_per_gpu; do
    [[ ${!name} =~ ^[0-9]*$ ]] || fail "--${name//_/-} must be a number, not '${!name}'"
  done
}

# loader_workers CONFIG OPTIONS...: print data.workers of a training
loader_workers() {
  local found words="${*:2} "
  found=$(sed -n 's/^ *workers: *\([0-9]*\).*/\1/p' "$1" | tail -n 1)
  [[ ! $words =~ --data\.workers[\ =]([0-9]+)\  ]] || found=${BASH_REMATCH[1]}
  echo "${found:-1}"
}

# launch_training CONFIG OPTIONS...: set launcher, and job_options, by which a job gets CPUs and memory
# for the processes of a node and their loaders, and a signal before it must end
launch_training() {
  local processes=$((ngpu > 1 ? ngpu : 1)) workers cpus memory
  launcher=(asda)
  job_options=()
  [ "$processes" -eq 1 ] || launcher=(torchrun --standalone --nproc_per_node "$processes" -m asda)
  [ "$cmd_backend" != local ] || return 0
  workers=$(loader_workers "$@")
  cpus=${cpus_per_gpu:-$((1 + workers))}
  memory=${mem_per_gpu:-$((8 + workers))}
  job_options=(--num-threads "$((processes * cpus))" --mem "$((processes * memory))G")
  [ "$cmd_backend" = slurm ] || return 0
  [ "$processes" -eq 1 ] && [ "$num_nodes" -eq 1 ] || launcher=(utils/torchrun_nodes.py "$processes" -m asda)
  job_options+=(--num-nodes "$num_nodes" --resumable true --chain "$chain")
}
