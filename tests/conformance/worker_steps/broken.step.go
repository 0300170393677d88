package steps

var broken int = "on purpose"
