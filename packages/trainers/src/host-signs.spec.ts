import { describe, expect, it } from '@jest/globals';
import { findTrainer, implementedTrainers } from './registry.js';

const exit = (line: string) => ({ exitCode: 1, signal: null, tail: ['a', line, 'RuntimeError: b'], events: [] });

describe.each(implementedTrainers())('explainFailure of %s', (id) => {
  const { explainFailure } = findTrainer(id)!;

  it.each([
    'E1121 10:00:00 api.py:874] failed (exitcode: -9) local_rank: 1 (pid: 1204) of binary: /opt/venv/bin/python',
    'RuntimeError: DataLoader worker (pid 2112) is killed by signal: Killed. ',
  ])('should take it for a lack of memory that one of its processes was killed: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({
      code: 'trainer_out_of_memory',
      error: expect.stringContaining('The host ran out of memory'),
    });
  });

  it.each([
    'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })',
    'OSError: [Errno 28] No space left on device: "output/x.safetensors"',
    'OSError: [Errno 122] Disk quota exceeded',
    'RuntimeError: PytorchStreamWriter failed writing file data/17: file write failed',
    'RuntimeError: [enforce fail at inline_container.cc:664] . unexpected pos 640 vs 534',
  ])('should take it for a fault of the host that its disk is full: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({ error: 'The disk of the worker is full.', isOfHost: true });
  });

  it.each(['ENOSPC: no space left on device, write', 'database or disk is full'])(
    'should take the word of the trainer for a full disk: %s',
    (message) => {
      const events = [{ event: 'error' as const, code: 'trainer_crashed', message }];
      expect(explainFailure({ ...exit('b'), events })).toMatchObject({ isOfHost: true });
    },
  );

  it.each([
    'RuntimeError: CUDA error: uncorrectable ECC error encountered',
    '[rank1]: torch.AcceleratorError: CUDA error: uncorrectable ECC error encountered',
    'RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable',
    'RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable',
    'RuntimeError: CUDA error: no CUDA-capable device is detected',
    'RuntimeError: No CUDA GPUs are available',
    'RuntimeError: CUDA driver initialization failed, you might not have a CUDA gpu.',
    'torch.AcceleratorError: CUDA error: no kernel image is available for execution on the device',
    'Unable to determine the device handle for GPU0000:17:00.0: Unknown Error',
  ])('should take it for a fault of the host that its GPU does not work: %s', (line) => {
    expect(explainFailure(exit(line))).toMatchObject({ error: 'A GPU of the worker does not work.', isOfHost: true });
  });

  const nccl =
    '[rank1]: torch.distributed.DistBackendError: NCCL error in: NCCLUtils.cpp:94, unhandled cuda error (run with NCCL_DEBUG=INFO for details), NCCL version 2.27.5';

  it('should take it for a fault of the host that its GPUs do not reach one another', () => {
    expect(explainFailure(exit(nccl))).toMatchObject({
      error: 'The GPUs of the worker cannot reach one another.',
      isOfHost: true,
    });
  });

  it('should take it for a fault of the host that another program took the port', () => {
    const line =
      '[rank0]: torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 40021, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use';
    expect(explainFailure(exit(line))).toMatchObject({ error: expect.stringContaining('port'), isOfHost: true });
  });

  it('should take it for a fault of the host that its processes share too little memory', () => {
    const line =
      "RuntimeError: DataLoader worker (pid 2112) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.";
    expect(explainFailure(exit(line))).toMatchObject({
      error: expect.stringContaining('shared memory'),
      isOfHost: true,
    });
  });

  it.each([
    'prompt: a robot that says No space left on device',
    'negative_prompt: RuntimeError: No CUDA GPUs are available',
    'Encoding prompt: fallen off the bus',
  ])('should not take the words of a tenant for a fault of the host: %s', (line) => {
    expect(explainFailure(exit(line)).isOfHost).toBeUndefined();
  });

  it.each([
    'RuntimeError: CUDA error: device-side assert triggered',
    'torch.AcceleratorError: CUDA error: an illegal memory access was encountered',
    'torch.AcceleratorError: CUDA error: unspecified launch failure',
    'UserWarning: CUDA initialization: CUDA unknown error - this may be due to an incorrectly set up environment',
  ])('should leave it to the job what may happen on any GPU: %s', (line) => {
    expect(explainFailure(exit(line)).isOfHost).toBeUndefined();
  });

  it('should leave it to the job that memory ran out while the GPUs talked', () => {
    const tail = ["[rank1]: Cuda failure 2 'out of memory'", nccl];
    expect(explainFailure({ ...exit(''), tail })).toMatchObject({ code: 'trainer_out_of_memory' });
    expect(explainFailure({ ...exit(''), tail }).isOfHost).toBeUndefined();
  });

  it.each(['device-side assert triggered', 'an illegal memory access was encountered'])(
    'should leave it to the job that its data broke what the GPUs said to one another: %s',
    (what) => {
      const tail = [`[rank0]: torch.AcceleratorError: CUDA error: ${what}`, nccl];
      expect(explainFailure({ ...exit(''), tail }).isOfHost).toBeUndefined();
    },
  );

  it('should believe the reason that the trainer names before anything else', () => {
    const events = [{ event: 'error' as const, code: 'loss_not_finite', message: 'The loss became nan.' }];
    const failure = explainFailure({ ...exit('OSError: [Errno 28] No space left on device'), events });
    expect(failure).toEqual({ code: 'loss_not_finite', error: 'The loss became nan.', hint: undefined });
  });

  it('should not take a base model that cannot be read for a full disk', () => {
    const line = 'RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory';
    expect(explainFailure(exit(line)).isOfHost).toBeUndefined();
  });

  it('should not take it for one that its launcher ended the others', () => {
    const line = 'W1121 10:00:00 api.py:900] Sending process 1205 closing signal SIGTERM';
    expect(explainFailure(exit(line)).code).toBe('trainer_crashed');
  });
});
