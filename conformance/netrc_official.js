// Prints what the parser of the official client finds in netrc files: a line of JSON for each.
const fs = require('fs')
const { parse } = require('netrc-parser')

// Its regular expression takes exponential time for a line with a carriage return behind a `#`.
const isEndless = text => /#.*[\r\u2028\u2029]/.test(text)

for (const line of fs.readFileSync(process.argv[2], 'utf8').trim().split('\n')) {
  const { host, port, text } = JSON.parse(line)
  const machines = isEndless(text) ? {} : parse(text)
  const names = port ? [`${host}:${port}`, host] : [host]
  // It leaves the carriage return of a line's end in the last word.
  const found = names.map(name => machines[name] && machines[name].password).find(password => password)
  console.log(JSON.stringify(found === undefined ? null : found.replace(/\r$/, '')))
}
