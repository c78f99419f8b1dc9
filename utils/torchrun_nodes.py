#!/usr/bin/env python3
"""Start the processes of a training on this node of a Slurm job, by torchrun.

usage: srun torchrun_nodes.py PROCESSES WORDS...   (PROCESSES for each node; WORDS as for torchrun)

srun starts one such program on each node. They meet on the node from which srun was called: the
first one of the job. RENDEZVOUS_HOST and RENDEZVOUS_PORT, if set, are another address and port of
that node, and GLOO_SOCKET_IFNAME is the network interface by which nodes talk, otherwise found.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

FIRST_PORT, PORTS = 20000, 10000  # below those that systems give to programs that ask for any
SIOCGIFADDR = 0x8915  # the request of Linux for the address of an interface


def address_of(interface: str) -> str:
    """Return the IPv4 address of a network interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("256s", interface.encode()[:15])
        return socket.inet_ntoa(fcntl.ioctl(asked.fileno(), SIOCGIFADDR, request)[20:24])


def address_towards(host: str, port: int) -> str:
    """Return the address of this node in the network in which it reaches another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.connect((host, port))  # chooses a way, and sends nothing
        return unused.getsockname()[0]


def interface_of(address: str) -> str | None:
    """Return the network interface with this address."""
    for _, name in socket.if_nameindex():
        try:
            if address_of(name) == address:
                return name
        except OSError:  # it has none
            continue
    return None


def rendezvous(environment: dict[str, str]) -> list[str]:
    """Return torchrun's options by which the nodes of a job meet; choose their interface."""
    job = environment["SLURM_JOB_ID"]
    host = environment.get("RENDEZVOUS_HOST") or environment["SLURM_LAUNCH_NODE_IPADDR"]
    port = int(environment.get("RENDEZVOUS_PORT") or FIRST_PORT + int(job) % PORTS)
    interface = environment.get("GLOO_SOCKET_IFNAME")
    address = address_of(interface) if interface else address_towards(host, port)
    if not interface and (found := interface_of(address)):
        environment["GLOO_SOCKET_IFNAME"] = found  # gloo's own choice is often the loopback
    first = environment["SLURM_PROCID"] == "0"
    return [
        f"--nnodes={environment['SLURM_NNODES']}",
        "--rdzv_backend=c10d",
        f"--rdzv_id={job}.{environment.get('SLURM_RESTART_COUNT', '0')}",
        f"--rdzv_endpoint={host}:{port}",
        f"--rdzv_conf=is_host={int(first)}",
        f"--local_addr={address}",
    ]


def main() -> None:
    if len(sys.argv) < 3 or not sys.argv[1].isdecimal():
        sys.exit(__doc__)
    environment = dict(os.environ)
    # torchrun passes these on and waits for the processes; by others, it ends and leaves them.
    environment["TORCHELASTIC_SIGNALS_TO_HANDLE"] = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
    several = int(environment.get("SLURM_NNODES", "1")) > 1
    try:
        options = rendezvous(environment) if several else ["--standalone"]
    except (OSError, KeyError) as error:
        sys.exit(
            f"torchrun_nodes.py: error: the nodes cannot meet ({error}); check RENDEZVOUS_HOST, the"
            " address of the first node, and GLOO_SOCKET_IFNAME, the network interface"
        )
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1):  # Slurm sends them to each process of a step
        signal.signal(number, lambda which, frame: received.append(which))
    command = ["torchrun", *options, f"--nproc_per_node={sys.argv[1]}", *sys.argv[2:]]
    status = subprocess.run(command, env=environment, check=False).returncode
    # torchrun's own status would not tell a training that was asked to stop from one that failed.
    # Where another node was faster, srun sends SIGTERM too, which must not make a training that is
    # out of time look like one that is preempted. Nor must it find Python ending, without handlers.
    asked = signal.SIGUSR1 if signal.SIGUSR1 in received else signal.SIGTERM
    os._exit(128 + asked if received and status else abs(status))


if __name__ == "__main__":
    main()
