# SPDX-License-Identifier: BSD-3-Clause
"""Real programs: curl and nginx, iperf3, OpenSSH."""

import os
import random
import subprocess

from .lab import V4, V6
from .registry import scenario
from .wire import WireOptions

NGINX_CONF = """
daemon off;
master_process off;
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_timeout 1s;
    server {{
        listen 192.0.2.2:8080;
        listen [2001:db8::2]:8080;
        root {dir};
    }}
}}
"""

SSHD_CONF = """
Port 2222
HostKey {dir}/host_key
AuthorizedKeysFile {dir}/user_key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
"""


def url(family, page):
    host = "192.0.2.2" if family == V4 else "[2001:db8::2]"
    return f"http://{host}:8080/{page}"


def start_nginx(lab):
    for name, size in (("small.txt", 300), ("page.txt", 6000), ("large.txt", 15000)):
        letters = random.Random(name)
        with open(os.path.join(lab.scratch, name), "w", encoding="ascii") as page:
            page.write("".join(letters.choice("abcdefgh \n") for _ in range(size)))
    conf = os.path.join(lab.scratch, "nginx.conf")
    with open(conf, "w", encoding="ascii") as out:
        out.write(NGINX_CONF.format(dir=lab.scratch))
    lab.server.spawn("nginx", "-p", lab.scratch, "-c", conf, "-e", os.path.join(lab.scratch, "early.log"),
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.server.wait_listening(8080)


def curl(lab, *arguments):
    lab.client.run("curl", "-q", "-sS", "--max-time", "20", "--noproxy", "*", "-o", "/dev/null", *arguments,
                   stderr=subprocess.DEVNULL)


def start_sshd(lab):
    for name in ("host_key", "user_key"):
        lab.server.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name,
                       "-f", os.path.join(lab.scratch, name))
    conf = os.path.join(lab.scratch, "sshd_config")
    with open(conf, "w", encoding="ascii") as out:
        out.write(SSHD_CONF.format(dir=lab.scratch))
    os.makedirs("/run/sshd", exist_ok=True)
    lab.server.spawn("/usr/sbin/sshd", "-D", "-e", "-f", conf, stderr=subprocess.DEVNULL)
    lab.server.wait_listening(2222)


def ssh(lab, family, command):
    lab.client.run("ssh", "-F", "none", "-i", os.path.join(lab.scratch, "user_key"), "-p", "2222",
                   "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                   "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", f"root@{lab.server.address[family]}",
                   command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def iperf3(lab, family, *arguments):
    server = lab.server.spawn("iperf3", "-s", "-1", "-p", "5201", stdout=subprocess.DEVNULL)
    lab.server.wait_listening(5201)
    lab.client.run("iperf3", "-c", lab.server.address[family], "-p", "5201", *arguments,
                   stdout=subprocess.DEVNULL)
    server.wait(10)
    lab.settle()


def browse(lab, family):
    """Two pages on one connection, a page that is not there, headers only, and an upload refused."""
    curl(lab, url(family, "page.txt"), "-o", "/dev/null", url(family, "large.txt"))
    curl(lab, url(family, "missing.txt"))
    curl(lab, "-I", url(family, "small.txt"))
    curl(lab, "-d", "x" * 3000, url(family, "small.txt"))


@scenario("http-v4", wire=WireOptions(delay_ms=1))
def http_v4(lab):
    start_nginx(lab)
    browse(lab, V4)
    lab.settle()


@scenario("http-v6", wire=WireOptions(delay_ms=1))
def http_v6(lab):
    start_nginx(lab)
    browse(lab, V6)
    lab.settle()


@scenario("http-many")
def http_many(lab):
    """Forty short connections, ten at a time."""
    start_nginx(lab)
    for family in (V4, V6):
        urls = []
        for _ in range(20):
            urls += ["-o", "/dev/null", url(family, "small.txt")]
        curl(lab, "-H", "Connection: close", "--parallel", "--parallel-max", "10", *urls)
    lab.settle()


@scenario("ssh", wire=WireOptions(delay_ms=1))
def ssh_login(lab):
    start_sshd(lab)
    for family in (V4, V6):
        ssh(lab, family, "echo hello; uname -s")
    lab.settle()


@scenario("iperf3-v4", wire=WireOptions(delay_ms=1))
def iperf3_v4(lab):
    iperf3(lab, V4, "-n", "40K", "-l", "6K")


@scenario("iperf3-v6-reverse", wire=WireOptions(delay_ms=1))
def iperf3_v6_reverse(lab):
    """The server sends, over two connections."""
    iperf3(lab, V6, "-R", "-P", "2", "-n", "20K", "-l", "6K")
