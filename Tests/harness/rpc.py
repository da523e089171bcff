"""gRPC calls without generated code: message types come from server reflection."""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def channel(deployment, service, options=(), port=None, identity="operator"):
    """A channel to a service's RPC port, or to another process of it, as the operator or as another identity."""

    def read(name):
        return (deployment.data_directory / "certificates" / name).read_bytes()

    credentials = grpc.ssl_channel_credentials(
        root_certificates=read("rpc-ca.pem"),
        private_key=read(f"{identity}.key"),
        certificate_chain=read(f"{identity}.pem"),
    )
    return grpc.secure_channel(
        f"localhost:{port or deployment.rpc_port(service)}",
        credentials,
        options=[("grpc.ssl_target_name_override", service), *options],
    )


class Service:
    """The methods of one service as attributes, its messages by name."""

    def __init__(self, channel, name, pool=None):
        self.channel = channel
        self.pool = pool or descriptor_pool.DescriptorPool(
            ProtoReflectionDescriptorDatabase(channel)
        )
        self.descriptor = self.pool.FindServiceByName(name)

    def message(self, name, /, **fields):
        """A message of the service's own package."""
        full_name = f"{self.descriptor.file.package}.{name}"
        kind = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(full_name))
        return kind(**fields)

    def __getattr__(self, name):
        method = self.descriptor.methods_by_name[name]
        answer = message_factory.GetMessageClass(method.output_type)
        made = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, False): self.channel.stream_unary,
            (True, True): self.channel.stream_stream,
        }[method.client_streaming, method.server_streaming]
        return made(
            f"/{self.descriptor.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )


def served(channel):
    """The descriptors of all services of a server, by name."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = descriptor_pool.DescriptorPool(database)
    return {name: pool.FindServiceByName(name) for name in database.get_services()}


def pool_of(descriptor_set):
    """A descriptor pool with every file of a serialized FileDescriptorSet."""
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)
    for file in files.file:
        pool.Add(file)
    return pool
