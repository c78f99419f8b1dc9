#!/usr/bin/env bash
# A Slurm cluster on this machine, for tests: one controller, and two nodes with two CPUs and two GPUs
# each, which are only names. It needs root and Debian's packages, and touches no other Slurm: all its
# files are in one folder, and programs find it by SLURM_CONF.
#
#   tests/slurm/cluster.sh install           Debian's packages
#   tests/slurm/cluster.sh start | stop      controller, nodes and munge
#   tests/slurm/cluster.sh pause | continue  the controller only
#   export SLURM_CONF=$(tests/slurm/cluster.sh config)
set -euo pipefail

folder=/run/asda-test-slurm
host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf

install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q </dev/null
  apt-get install -y -q --no-install-recommends slurm-wlm slurm-client munge </dev/null
}

# Memory limits are watched by polling, since a container may not make cgroups of its own. A job that
# is put back into the queue starts again when its old credential has expired, after two minutes
# unless cred_expire says otherwise (Slurm takes no less than 5 seconds).
configure() {
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort=16917
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmdLogFile=$folder/slurmd.%n.log
SlurmdSpoolDir=$folder/spool.%n
StateSaveLocation=$folder/state
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=200000,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
MessageTimeout=2
MaxArraySize=20
DefMemPerCPU=2000
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17011 CPUs=2 RealMemory=8000 Gres=gpu:2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17012 CPUs=2 RealMemory=8000 Gres=gpu:2
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 DefaultTime=30 PriorityTier=10
PartitionName=low Nodes=n1,n2 MaxTime=60 DefaultTime=30 PriorityTier=1 GraceTime=10
PartitionName=graceless Nodes=n1,n2 MaxTime=60 DefaultTime=30 PriorityTier=1
PartitionName=high Nodes=n1,n2 MaxTime=60 DefaultTime=30 PriorityTier=20 PreemptMode=OFF
CONF
  # Slurm counts GPUs that have a file.
  touch "$folder"/gpu{0,1}
  echo "NodeName=n[1-2] Name=gpu File=$folder/gpu[0-1]" >"$folder/gres.conf"
}

start() {
  mkdir -p "$folder"/{state,spool.n1,spool.n2}
  configure
  head -c 1024 /dev/urandom >"$folder/munge.key"
  chmod 600 "$folder/munge.key"
  munged --key-file "$folder/munge.key" --socket "$folder/munge.socket" \
    --pid-file "$folder/munged.pid" --log-file "$folder/munged.log" --seed-file "$folder/munge.seed"
  slurmctld
  slurmd -N n1
  slurmd -N n2
  for _ in {1..100}; do
    [ "$(sinfo -h -p main -t idle -o %D 2>/dev/null)" != 2 ] || return 0
    sleep 0.2
  done
  echo "$0: error: the nodes did not start; see $folder/*.log" >&2
  return 1
}

# is_gone PID: whether a process has ended, though nobody may have waited for it, as in containers
is_gone() {
  ! kill -0 "$1" 2>/dev/null || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

# end NAME: end a daemon, and wait until it is gone
end() {
  local pid
  pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in {1..20}; do
    ! is_gone "$pid" || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}

stop() {
  [ -e "$SLURM_CONF" ] || return 0
  timeout 5 scancel -u "$(id -u)" 2>/dev/null || true
  sleep 1
  for daemon in slurmctld slurmd.n1 slurmd.n2 munged; do
    end "$daemon"
  done
  rm -rf "$folder"
}

case ${1-} in
  install | start | stop) "$1" ;;
  pause) end slurmctld ;;
  continue) slurmctld ;;
  config) echo "$SLURM_CONF" ;;
  *)
    echo "usage: $0 install | start | stop | pause | continue | config" >&2
    exit 1
    ;;
esac
