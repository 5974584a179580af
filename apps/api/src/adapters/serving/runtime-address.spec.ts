import { describe, expect, it } from '@jest/globals';
import { readRuntimeAddress } from './runtime-address.js';

describe(readRuntimeAddress.name, () => {
  it('should read name, kind, address, key and base model', () => {
    expect(readRuntimeAddress('chat=vllm+http://gpu1:8000')).toEqual({
      name: 'chat',
      kind: 'vllm',
      url: 'http://gpu1:8000',
    });
    expect(readRuntimeAddress('small-1=llama-cpp+https://:s%40ck@host/llm/#Qwen/Qwen2.5-7B')).toEqual({
      name: 'small-1',
      kind: 'llama-cpp',
      url: 'https://host/llm',
      apiKey: 's@ck',
      baseModel: 'Qwen/Qwen2.5-7B',
    });
  });

  it.each([
    'http://gpu1:8000',
    'vllm+http://gpu1:8000',
    'chat=vllm+gpu1:8000',
    'chat=ollama+http://gpu1:8000',
    'Chat=vllm+http://gpu1:8000',
    'chat=vllm+file:///etc/passwd',
    'chat=vllm+http://gpu1:8000?x=1',
    'chat=vllm+http://',
  ])('should take nothing else: %s', (text) => expect(readRuntimeAddress(text)).toBeUndefined());
});
