# SPDX-License-Identifier: BSD-3-Clause
"""nginx.py - Debian's nginx on a free port, serving a folder: installed, or unpacked by
scripts/setup.sh servers in build/demo/nginx."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
daemon off; master_process off; pid {work}/pid; error_log {work}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work};
  uwsgi_temp_path {work}; scgi_temp_path {work};
  log_format lines '$request_method $uri $http_range $status $body_bytes_sent';
  server {{
    listen 127.0.0.1:{port}{tls};
    root {root};
    access_log {work}/access.log lines;
    ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem;
  }}
}}
"""


def program():
    """Where it is, or None; with TESSERA_SERVERS=needed (moto_.py) it must be somewhere."""
    unpacked = ROOT / "build/demo/nginx/usr/sbin/nginx"
    found = str(unpacked) if unpacked.exists() else shutil.which("nginx")
    if not found and os.environ.get("TESSERA_SERVERS") == "needed":
        raise FileNotFoundError(f"{unpacked}: nginx is not there: scripts/setup.sh servers gets it")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self, root, tls=False):
        self.work = tempfile.mkdtemp(prefix="tsr-nginx-")
        self.port = free_port()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.cert = f"{self.work}/cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", f"{self.work}/key.pem", "-out", self.cert],
                       check=True, capture_output=True)
        conf = f"{self.work}/nginx.conf"
        with open(conf, "w") as f:
            f.write(CONFIG.format(work=self.work, root=root, port=self.port,
                                  tls=" ssl" if tls else ""))
        self.run = subprocess.Popen([program(), "-c", conf, "-e", f"{self.work}/error.log"],
                                    stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("nginx does not answer")

    def log(self):
        """(method, path, range, status, bytes) of each request so far."""
        with open(f"{self.work}/access.log") as f:
            return [line.split() for line in f]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.run.terminate()
        self.run.wait(30)
        shutil.rmtree(self.work)
