/* Holds a pod's namespaces: waits to be told to go, and collects the processes
 * that the pod's containers leave behind. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(int signal_number) {
    (void)signal_number;
    _exit(EXIT_SUCCESS);
}

static void collect(int signal_number) {
    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

int main(void) {
    if (signal(SIGTERM, stop) == SIG_ERR || signal(SIGINT, stop) == SIG_ERR ||
        signal(SIGCHLD, collect) == SIG_ERR) {
        return EXIT_FAILURE;
    }
    for (;;) {
        pause();
    }
}
