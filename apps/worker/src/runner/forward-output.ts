import type { Readable } from 'node:stream';
import type { OutputSink, OutputStream } from './launcher.js';

/** Hands on what a program prints; resolves when the stream has ended. */
export const forwardOutput = (stream: Readable, name: OutputStream, output: OutputSink): Promise<void> =>
  new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => output.write(name, chunk));
    // A stream that breaks is closed like one that ends; why the trainer ended is told by its exit.
    stream.on('error', () => undefined);
    stream.on('close', () => {
      output.end(name);
      resolve();
    });
  });
