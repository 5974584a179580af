// Exits 0 while the API can do its work: database, queue and storage answer.
const { PORT = '3001' } = process.env;

const isReady = await fetch(`http://127.0.0.1:${PORT}/health/ready`, { signal: AbortSignal.timeout(4_000) }).then(
  (answer) => answer.ok,
  () => false,
);
process.exit(isReady ? 0 : 1);
