import { applyDecorators, type INestApplication } from '@nestjs/common';
import { ApiResponse, DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ErrorBodySchema } from '@influencerai/shared';
import type { z } from 'zod';
import { CONFIG, type Config } from '../env.js';
import { applyDocumentRules } from './document-rules.js';
import { toComponents } from './openapi-schemas.js';

/** Documents one answer of a route by its schema, and headers worth reading by what they hold. */
export const Answers = (status: number, schema: z.ZodType, description: string, headers: Record<string, string> = {}) =>
  applyDecorators(
    ApiResponse({
      status,
      standardSchema: schema,
      description,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'integer' } }]),
      ),
    }),
  );

/** Documents the error answers of a route, all in the one error format. */
export const Refuses = (refusals: Record<number, string>) =>
  applyDecorators(
    ...Object.entries(refusals).map(([status, description]) =>
      ApiResponse({ status: Number(status), ...refusal(description) }),
    ),
  );

const refusal = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
});

/** The sections of the document, in the order in which a newcomer needs them. */
const SECTIONS: readonly (readonly [name: string, description: string])[] = [
  ['Datasets', 'What to learn from: folders of pictures or text, opened and checked.'],
  ['Uploads', 'Large files, resumed where the line broke (tus 1.0).'],
  ['LoRA configs', 'Reusable training parameters.'],
  ['Jobs', 'Training, its progress, its log and its files.'],
  ['Usage', 'What the tenant may do, and how much of it is used.'],
  ['API keys', 'Credentials of programs and people.'],
  ['Users', 'The people and programs of a tenant.'],
  ['Audit log', 'Who did what.'],
  ['Tenants', 'Customers and their limits, for operators.'],
  ['Workers', 'The machines that train, and what they call.'],
  ['Health', 'For load balancers and monitoring.'],
];

/** The OpenAPI 3.1 document of the native face, made from the code. */
export function createDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('InfluencerAI Training')
    .setDescription(
      'Trains LoRAs for many tenants. Register a dataset, create a LoRA config, submit a job, then poll it or follow its ' +
        'events. Every answer that is not 2xx has the format of `ErrorBody`. Enumerations may gain members.',
    )
    .setVersion('1.0')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: 'An API key (`iak_…`) or a token of the issuer of the settings.' },
      'token',
    )
    .addApiKey(
      {
        type: 'apiKey',
        in: 'header',
        name: 'x-tenant-id',
        description: 'Development mode, for example `tenant_demo`. Beside a key of an operator: the tenant acted for.',
      },
      'tenant',
    );
  // With tokens the header alone opens nothing.
  if (app.get<Config>(CONFIG).auth.mode === 'tenant-header') config.addSecurityRequirements('tenant');
  config.addSecurityRequirements('token');
  for (const [name, description] of SECTIONS) config.addTag(name, description);
  const document = SwaggerModule.createDocument(app, config.build(), {
    standardSchemaConverter: toComponents,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const errorBody = toComponents(ErrorBodySchema, { schemaType: 'output' })?.components;
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, ...(errorBody as object) },
  };
  applyDocumentRules(document);
  return document;
}

/** Serves Swagger UI at `/api` and the document at `/api-json`. A trusted tenant header comes filled in. */
export function serveDocument(app: INestApplication, { isTenantTrusted }: { isTenantTrusted: boolean }): void {
  const tenant = {
    name: 'tenant',
    schema: { type: 'apiKey', in: 'header', name: 'x-tenant-id' },
    value: 'tenant_demo',
  };
  SwaggerModule.setup('api', app, () => createDocument(app), {
    jsonDocumentUrl: 'api-json',
    customSiteTitle: 'InfluencerAI Training API',
    swaggerOptions: {
      persistAuthorization: true,
      tryItOutEnabled: true,
      displayRequestDuration: true,
      ...(isTenantTrusted && { authAction: { tenant } }),
    },
  });
}
