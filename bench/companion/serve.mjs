// node serve.mjs --port PORT: Companion's standalone server as its own start-server.js runs it, on loopback alone.
// That script takes a port but no address, and would listen on all of them.
import { socket } from '@uppy/companion'
import standalone from '@uppy/companion/standalone'

socket(standalone().app.listen(Number(process.argv.at(-1)), '127.0.0.1'))
