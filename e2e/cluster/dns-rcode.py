"""Ask a DNS server for a name's address and print the answer's status code.

    dns-rcode.py SERVER NAME
"""

import socket
import struct
import sys

STATUS = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def main() -> None:
    server, name = sys.argv[1:]
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(query, (server, 53))
        flags = struct.unpack(">H", client.recv(512)[2:4])[0]
    print(STATUS.get(flags & 0xF, flags & 0xF))


if __name__ == "__main__":
    main()
