import { applyDecorators, SetMetadata, type Type, UseInterceptors } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { Refuses } from '../http/openapi.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { READER, type Reader } from './reader.js';

/**
 * For a POST that creates: with an `Idempotency-Key`, a repeated request gets the first one's answer for 24 hours and
 * creates nothing. What is created must have the `@CreationId()` as its id, so that it is found by the reader even where
 * a crash kept the first answer from being stored.
 */
export const Idempotent = (reader: Type<Reader>) =>
  applyDecorators(
    SetMetadata(READER, reader),
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Makes a retry safe: the same key and body get the first answer again, for 24 hours, with `Idempotent-Replayed: true`.',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
    }),
    Refuses({ 422: 'The Idempotency-Key was used with another body.' }),
  );
