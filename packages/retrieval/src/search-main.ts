#!/usr/bin/env node
// Started for one search, by itself: an index comes from elsewhere, and a file that SQLite stumbles over, or is busy with
// for ever, takes nothing along. It imports nothing beyond this folder, so that nothing else need be readable.
import { text } from 'node:stream/consumers';
import { readMeta, search } from './search.js';
import type { SearchRequest } from './search-request.js';

try {
  const request = JSON.parse(await text(process.stdin)) as SearchRequest | Pick<SearchRequest, 'file'>;
  const answer = 'query' in request ? search(request) : readMeta(request.file);
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
