// Command relay carries TCP connections into a network namespace that has no
// way in or out.
//
//	relay listen ADDRESS COMMAND [ARGUMENT…]
//	relay forward TARGET…
//
// "listen" opens ADDRESS and starts COMMAND in its own place, with the socket
// as file descriptor 3. A socket belongs to the namespace it was opened in, so
// COMMAND may be an nsenter that starts "relay forward" elsewhere: connections
// come in on the host, and go out from the sealed namespace.
//
// "forward" takes connections from file descriptor 3 and joins each to the
// first TARGET that answers, as a load balancer in front of several nodes does.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	listenerFD  = 3
	dialTimeout = time.Second
	retryAccept = 100 * time.Millisecond
)

var errUsage = errors.New("usage: relay listen ADDRESS COMMAND [ARGUMENT...] | relay forward TARGET...")

func main() {
	log.SetFlags(log.LstdFlags)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "listen":
		return listen(args[1], args[2:])
	case len(args) >= 2 && args[0] == "forward":
		listener, err := net.FileListener(os.NewFile(listenerFD, "listener"))
		if err != nil {
			return fmt.Errorf("file descriptor %d is no listening socket: %w", listenerFD, err)
		}
		return forward(listener, args[1:])
	default:
		return errUsage
	}
}

// listen opens address and becomes command, which inherits the socket.
func listen(address string, command []string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	// Dup3 leaves the close-on-exec flag off the copy; when the numbers are
	// equal it refuses, and the flag has to be cleared by hand.
	if int(socket.Fd()) == listenerFD {
		if _, _, failed := syscall.Syscall(syscall.SYS_FCNTL, listenerFD, syscall.F_SETFD, 0); failed != 0 {
			return failed
		}
	} else if err := syscall.Dup3(int(socket.Fd()), listenerFD, 0); err != nil {
		return err
	}
	return syscall.Exec(program, command, os.Environ())
}

// forward joins every connection to the first target that answers.
func forward(listener net.Listener, targets []string) error {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			// Out of file descriptors, most likely: it passes.
			log.Printf("accept: %v", err)
			time.Sleep(retryAccept)
			continue
		}
		go serve(client, targets)
	}
}

func serve(client net.Conn, targets []string) {
	defer client.Close()
	server, err := dialFirst(targets)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	join(client, server)
}

func dialFirst(targets []string) (net.Conn, error) {
	var failures []error
	for _, target := range targets {
		server, err := net.DialTimeout("tcp", target, dialTimeout)
		if err == nil {
			return server, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// join copies both ways until both sides have ended, passing each end on by
// itself: a client that has said all it has to say may still be listening.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		both.Go(func() {
			_, err := io.Copy(to, from)
			if err != nil {
				// A reset must not look like an orderly end to the other side.
				a.Close()
				b.Close()
				return
			}
			if half, ok := to.(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
