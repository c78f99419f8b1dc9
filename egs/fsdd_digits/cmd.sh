#!/usr/bin/env bash
# How jobs run; sourced, and identical in every recipe.
#
#   local   on this machine (default)
#   slurm   as Slurm jobs; conf/slurm.conf, if it exists, translates options for sbatch
#   sge     as Grid Engine jobs; conf/queue.conf, if it exists, translates options for qsub
#
# Change it here, or for a single call: cmd_backend=slurm ./run.sh

export cmd_backend=${cmd_backend:-local}

case $cmd_backend in
  local) export train_cmd=run.pl cuda_cmd=run.pl ;;
  slurm) export train_cmd=slurm.pl cuda_cmd=slurm.pl ;;
  sge) export train_cmd=queue.pl cuda_cmd=queue.pl ;;
  *)
    echo "cmd.sh: error: cmd_backend must be local, slurm or sge, not '$cmd_backend'" >&2
    exit 1
    ;;
esac
