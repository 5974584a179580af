import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../env.js';

/** Headers beyond the few that browsers always allow. */
const READABLE_HEADERS = [
  ...['x-request-id', 'x-total-count', 'x-take', 'x-skip', 'location', 'etag', 'content-disposition'],
  ...['accept-ranges', 'content-range', 'idempotent-replayed', 'retry-after', 'deprecation', 'sunset'],
  ...['ratelimit', 'ratelimit-policy', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
  ...['x-ratelimit-status'],
  ...['tus-resumable', 'tus-version', 'tus-extension', 'tus-max-size', 'upload-offset', 'upload-length'],
  ...['upload-expires', 'upload-metadata'],
];

const SENDABLE_HEADERS = [
  ...['authorization', 'content-type', 'idempotency-key', 'x-tenant-id', 'x-request-id', 'traceparent'],
  ...['if-match', 'if-none-match', 'if-range', 'range', 'last-event-id'],
  ...['tus-resumable', 'upload-length', 'upload-offset', 'upload-metadata', 'upload-defer-length', 'upload-concat'],
  ...['upload-checksum'],
];

/** How long a browser may keep the answer to a preflight. */
const PREFLIGHT_SECONDS = 600;
const YEAR_SECONDS = 31_536_000;

/** What browsers are told: who may read answers from another page, and what pages of this server may do. */
export function setBrowserRules(app: NestFastifyApplication, { corsOrigins }: Config['http']): void {
  if (corsOrigins.length > 0) {
    app.enableCors({
      origin: corsOrigins,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: SENDABLE_HEADERS,
      exposedHeaders: READABLE_HEADERS,
      maxAge: PREFLIGHT_SECONDS,
      // An OPTIONS that is no preflight is a method that the route does not have.
      strictPreflight: false,
    });
  }
  app.useSecurityHeaders({
    // Swagger UI and the page of errors are all that is ever shown; both carry their styles within.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: "'none'",
        scriptSrc: "'self'",
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: "'self'",
        baseUri: "'none'",
        formAction: "'none'",
        frameAncestors: "'none'",
      },
    },
    xFrameOptions: { action: 'deny' },
    // Whose subdomains these are is not ours to say.
    strictTransportSecurity: { maxAge: YEAR_SECONDS, includeSubDomains: false },
    // Old browsers' special cases, which the policy above covers, are left out: every header costs every answer.
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
}
