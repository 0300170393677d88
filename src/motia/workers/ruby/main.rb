# frozen_string_literal: true

# The worker of Ruby steps: serves the protocol of docs/reference/worker-protocol.md. Standard library only.

$LOAD_PATH.unshift(File.join(__dir__, "lib"))
require "motia/worker"

Motia::Worker.run(Integer(ENV.fetch("MOTIA_WORKER_FD")))
