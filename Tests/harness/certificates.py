"""Certificates that are not Latchkey's own, made by openssl."""

import os
import socket
import ssl
import subprocess


class Certificates:
    """An authority and the certificates of some names, each in files of its own."""

    def __init__(self, folder):
        self.folder = folder
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
            "-subj", "/CN=Another authority", "-keyout", folder / "ca.key", "-out", folder / "ca.pem",
        )  # fmt: skip
        self.ca_file = str(folder / "ca.pem")

    def issue(self, name, file=None):
        """A certificate of `name`; in the files of `file`, where another one may have been. Gives both files."""
        file = file or name
        request, fresh, key = self.folder / "request", self.folder / "fresh", self.folder / "fresh.key"
        self._openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", self.folder / "ca.key", "-days", "90",
            "-copy_extensions", "copy", "-out", fresh,
        )  # fmt: skip
        places = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        for new, place in zip((fresh, key), places):
            os.replace(new, place)
        return tuple(map(str, places))

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20)

    def shown(self, port, name):
        """The certificate that is shown to who asks for a name, by its subject and its number."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        with context.wrap_socket(plain, server_hostname=name) as connection:
            found = connection.getpeercert()
            return found["subject"][0][0][1], found["serialNumber"]
