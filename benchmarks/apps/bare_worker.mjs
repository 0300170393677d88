// The least a Node process can do for a call: a line of JSON in, its id and value out.
import net from 'node:net'

const server = net.createServer((socket) => {
  let rest = ''
  let out = ''
  socket.setEncoding('utf8')
  socket.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      const { id, params } = JSON.parse(line)
      out += JSON.stringify({ jsonrpc: '2.0', id, result: { value: params.input } }) + '\n'
    }
    socket.write(out)
    out = ''
  })
})
server.listen(process.argv[2])
