import type { INestApplication, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ErrorBodySchema } from '@influencerai/shared';
import type { z } from 'zod';
import { CONFIG, type Config } from '../env.js';
import { applyDocumentRules } from './document-rules.js';
import type { Face } from './face.js';
import { toComponents } from './openapi-schemas.js';

/** A face and the modules that hold its routes. */
export interface FaceModules {
  face: Face;
  mounts: readonly { module: Type }[];
}

/** The sections of the document, in the order in which a newcomer needs them. */
const SECTIONS: readonly (readonly [name: string, description: string])[] = [
  ['Datasets', 'What to learn from: folders of pictures or text, opened and checked.'],
  ['Uploads', 'Large files, resumed where the line broke (tus 1.0).'],
  ['LoRA configs', 'Reusable training parameters.'],
  ['Training defaults', 'What jobs begin with.'],
  ['Jobs', 'Training, its progress, its log and its files.'],
  ['Projects', 'Several datasets in shares, trained as one.'],
  ['Models', 'The base models that are there.'],
  ['Adapters', 'Finished LoRAs, loaded into the servers that answer with them.'],
  ['Usage', 'What the tenant may do, and how much of it is used.'],
  ['API keys', 'Credentials of programs and people.'],
  ['Users', 'The people and programs of a tenant.'],
  ['Audit log', 'Who did what.'],
  ['Tenants', 'Customers and their limits, for operators.'],
  ['Workers', 'The machines that train, and what they call.'],
  ['Health', 'For load balancers and monitoring.'],
];

/** The OpenAPI 3.1 document of the native face, made from the code: every route that no other face has. */
export function createDocument(app: INestApplication, faces: readonly FaceModules[]): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('InfluencerAI Training')
    .setDescription(
      'Trains LoRAs for many tenants. Register a dataset, create a LoRA config, submit a job, then poll it or follow its ' +
        'events. Every answer that is not 2xx has the format of `ErrorBody`. Enumerations may gain members.',
    )
    .setVersion('1.0')
    .addBearerAuth(TOKEN, 'token')
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
  if (isTenantTrusted(app)) config.addSecurityRequirements('tenant');
  config.addSecurityRequirements('token');
  for (const [name, description] of SECTIONS) config.addTag(name, description);
  const others = new Set(faces.flatMap(({ mounts }) => mounts.map(({ module }) => module)));
  const modules = [...app.get(ModulesContainer).values()].map(({ metatype }) => metatype as Type);
  const include = modules.filter((module) => !others.has(module));
  return build(app, config, { include, errorSchema: ErrorBodySchema });
}

/** The document of another face. */
export function createFaceDocument(app: INestApplication, { face, mounts }: FaceModules): OpenAPIObject {
  const { title, description, errorSchema, development } = face;
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle(title)
    .setDescription(description)
    .setVersion('1.0')
    .addBearerAuth(TOKEN, 'token');
  if (development === 'bearer-names-user' || !isTenantTrusted(app)) config.addSecurityRequirements('token');
  const document = build(app, config, { include: mounts.map(({ module }) => module), errorSchema });
  // The decorators speak of the native media type of errors; this face answers with plain JSON.
  const text = JSON.stringify(document).replaceAll('application/problem+json', 'application/json');
  return JSON.parse(text) as OpenAPIObject;
}

const TOKEN = {
  type: 'http',
  scheme: 'bearer',
  description: 'An API key (`iak_…`) or a token of the issuer of the settings.',
} as const;

const isTenantTrusted = (app: INestApplication): boolean => app.get<Config>(CONFIG).auth.mode === 'tenant-header';

function build(
  app: INestApplication,
  config: DocumentBuilder,
  { include, errorSchema }: { include: Type[]; errorSchema: z.ZodType },
): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, config.build(), {
    include,
    standardSchemaConverter: toComponents,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const found = toComponents(errorSchema, { schemaType: 'output' });
  const schemas = { ErrorBody: found?.schema, ...found?.components } as NonNullable<
    OpenAPIObject['components']
  >['schemas'];
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...schemas } };
  applyDocumentRules(document);
  return document;
}

const addressOf = ({ name }: Face): string => `api-json/${name}`;

/**
 * Serves Swagger UI at `/api`, the native document at `/api-json` and those of the other faces below it. A trusted tenant
 * header comes filled in.
 */
export function serveDocuments(app: INestApplication, faces: readonly FaceModules[]): void {
  const tenant = {
    name: 'tenant',
    schema: { type: 'apiKey', in: 'header', name: 'x-tenant-id' },
    value: 'tenant_demo',
  };
  for (const entry of faces) {
    SwaggerModule.setup(addressOf(entry.face), app, () => createFaceDocument(app, entry), {
      ui: false,
      raw: ['json'],
      jsonDocumentUrl: addressOf(entry.face),
    });
  }
  SwaggerModule.setup('api', app, () => createDocument(app, faces), {
    jsonDocumentUrl: 'api-json',
    customSiteTitle: 'InfluencerAI Training API',
    explorer: true,
    swaggerOptions: {
      urls: [
        { name: 'InfluencerAI Training', url: '/api-json' },
        ...faces.map(({ face }) => ({ name: face.title, url: `/${addressOf(face)}` })),
      ],
      persistAuthorization: true,
      tryItOutEnabled: true,
      displayRequestDuration: true,
      ...(isTenantTrusted(app) && { authAction: { tenant } }),
    },
  });
}
