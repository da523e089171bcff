"""What the outside-in tests share: processes, a deployment, raw HTTP/2, REST."""
