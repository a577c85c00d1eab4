package main

import (
	"io"
	"net"
	"testing"
)

func open(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// echo answers with everything it has read once the client has ended its side.
func echo(t *testing.T) string {
	listener := open(t)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				said, _ := io.ReadAll(conn)
				_, _ = conn.Write(said)
			}()
		}
	}()
	return listener.Addr().String()
}

func ask(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(text))
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestHalfCloseReachesTheServerAndTheAnswerComesBack(t *testing.T) {
	relay := open(t)
	go forward(relay, []string{echo(t)})
	if got := ask(t, relay.Addr().String(), "hello"); got != "hello" {
		t.Fatalf("answer %q", got)
	}
}

func TestADeadTargetIsPassedOver(t *testing.T) {
	dead := open(t)
	dead.Close()
	relay := open(t)
	go forward(relay, []string{dead.Addr().String(), echo(t)})
	if got := ask(t, relay.Addr().String(), "hello"); got != "hello" {
		t.Fatalf("answer %q", got)
	}
}

func TestTheClientIsHungUpOnWhenNoTargetAnswers(t *testing.T) {
	dead := open(t)
	dead.Close()
	relay := open(t)
	go forward(relay, []string{dead.Addr().String()})
	if got := ask(t, relay.Addr().String(), "hello"); got != "" {
		t.Fatalf("answer %q", got)
	}
}
