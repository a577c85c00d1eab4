package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func runAPIServer()         { exitWith(apiserver.NewAPIServerCommand()) }
func runControllerManager() { exitWith(controllers.NewControllerManagerCommand()) }
func runProxy()             { exitWith(proxy.NewProxyCommand()) }
func runScheduler()         { exitWith(scheduler.NewSchedulerCommand()) }
func runKubelet()           { exitWith(kubelet.NewKubeletCommand(context.Background())) }

// runKubectl sets the verbosity before the command tree is built, because
// building it already logs.
func runKubectl() {
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) // a wrong -v is reported by the command itself
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

func exitWith(command *cobra.Command) { os.Exit(cli.Run(command)) }
