import { S3Client } from '@aws-sdk/client-s3';

export interface S3Settings {
  bucket: string;
  /** Undefined is Amazon's. */
  endpoint: string | undefined;
  /** Where clients reach the store, for signed links; undefined when it is the same. */
  publicEndpoint: string | undefined;
  region: string;
  /** Undefined leaves it to what the host provides: environment, instance role. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** In front of every key, without slashes around it. */
  prefix: string;
  forcePathStyle: boolean;
  /** How long the store may send nothing. */
  silenceMs: number;
}

const CONNECT_MS = 5_000;
const ATTEMPTS = 3;

/** A client that gives up on a store that does not answer. */
export const connect = (settings: S3Settings, endpoint: string | undefined): S3Client =>
  new S3Client({
    endpoint,
    region: settings.region,
    credentials: settings.credentials,
    forcePathStyle: settings.forcePathStyle,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: settings.silenceMs,
      socketTimeout: settings.silenceMs,
      throwOnRequestTimeout: true,
    },
    // Newer checksums are unknown to many stores; what is stored has a sha256 of ours.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
