#!/usr/bin/env bash
# How jobs run, to be sourced; the same file in every recipe.
#
#   local   on this machine (default)
#   slurm   as Slurm jobs; conf/slurm.conf, if there is one, says what options mean to sbatch
#
# Choose here, or for one call: cmd_backend=slurm ./run.sh

export cmd_backend=${cmd_backend:-local}

case $cmd_backend in
  local) export train_cmd=run.pl cuda_cmd=run.pl ;;
  slurm) export train_cmd=slurm.pl cuda_cmd=slurm.pl ;;
  *)
    echo "cmd.sh: error: cmd_backend is local or slurm, not '$cmd_backend'" >&2
    exit 1
    ;;
esac
