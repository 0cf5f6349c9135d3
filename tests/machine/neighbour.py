"""The rest of the world, as a machine without a way out has it: a host at 192.0.2.1, and a server of names."""

import fcntl
import socket
import struct
import threading

HOST, PORT = "192.0.2.1", 7007
SIOCSIFADDR, SIOCSIFFLAGS, UP = 0x8916, 0x8914, 1


def address() -> None:
    """Give the loopback device the address, beside its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for name, text in (("lo", "127.0.0.1"), ("lo:1", HOST)):
            request = struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, socket.inet_aton(text))
            fcntl.ioctl(control, SIOCSIFADDR, request)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP))


def names(server: socket.socket) -> None:
    """Answer every question about an address of the fourth version with that of the host, others with nothing."""
    while True:
        question, sender = server.recvfrom(512)
        end = question.index(b"\0", 12) + 5
        asked = question[12:end]
        found = asked[-4:-2] == b"\0\1"
        head = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\x04" + socket.inet_aton(HOST) if found else b""
        server.sendto(head + asked + answer, sender)


def greet(server: socket.socket) -> None:
    """Greet every caller, as HTTP has it."""
    while True:
        caller, _ = server.accept()
        with caller:
            caller.recv(4096)
            caller.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")


if __name__ == "__main__":
    address()
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.1", 53))
    greeter = socket.create_server(("", PORT))
    threading.Thread(target=names, args=(asked,), daemon=True).start()
    print("ready", flush=True)
    greet(greeter)
