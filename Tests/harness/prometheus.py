"""A real Prometheus (Debian's package) that scrapes a deployment, and what it can be asked."""

import json
import re
import shutil

import httpx

from . import deployment as deployments
from . import processes

CONFIGURATION = """
global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: latchkey
    static_configs: {targets}
"""


def program(name):
    path = shutil.which(name)
    assert path, f"{name} is missing: run `make packages` first"
    return path


class Prometheus(processes.Server):
    """Scrapes every process of a deployment; the label `instance` is the service's name."""

    def __init__(self, deployment, folder):
        targets = [
            {"targets": [deployment.metrics_address(service)], "labels": {"instance": service}}
            for service in deployments.SERVICES
        ]
        file = folder / "prometheus.yml"
        rules = processes.REPOSITORY / "Services" / "alerts.yml"
        file.write_text(CONFIGURATION.format(rules=json.dumps(str(rules)), targets=json.dumps(targets)))
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            [program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            folder / "prometheus.log",
            port,
            cwd=folder,
        )  # fmt: skip

    def ask(self, path, **parameters):
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        if answer.status_code == 503:
            return None  # It is still starting.
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression):
        """The value of an expression now, by label sets."""
        data = self.ask("query", query=expression) or {"result": []}
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def wait_for(self, expression, seconds=20):
        """Waits until an expression with a comparison gives something; gives that."""
        return processes.poll(lambda: self.query(expression), seconds, f"Prometheus finds {expression}")


def families(text):
    """What a scrape describes: {name: (kind, help)}; that each is described once, before its values."""
    kinds, helps, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, current, sentence = line.split(" ", 3)
            assert current not in helps, f"{current} is described twice"
            helps[current] = sentence
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current, line
            kinds[name] = kind
        else:
            name = re.match(r"[a-z_:][a-z0-9_:]*", line)[0]
            base = re.sub(r"_(bucket|sum|count)$", "", name) if kinds[current] == "histogram" else name
            assert base == current, f"{line} does not belong to {current}"
    return {name: (kinds[name], helps[name]) for name in helps}
