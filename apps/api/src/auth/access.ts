import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { Scope } from '@influencerai/shared';

/** What a route asks of its caller. With nothing said: a tenant, and `read` for GET and HEAD or `write` for the rest. */
export interface Access {
  /** Nobody is asked who they are. */
  isPublic?: boolean;
  /** The address carries what opens it: a signature, which the route checks. */
  isSigned?: boolean;
  scope?: Scope;
  /** Only for credentials that belong to no tenant: the route speaks of all tenants, or of none. */
  isForOperators?: boolean;
  /** Operators may leave the tenant out, to speak of what belongs to none. */
  isTenantOptional?: boolean;
  /** Also for the worker that holds the job which the parameter `id` names. */
  isForHolder?: boolean;
}

export const ACCESS = Symbol('ACCESS');

/** The extension of the OpenAPI document that carries the declaration. */
export const ACCESS_EXTENSION = 'x-access';

const declare = (access: Access) =>
  applyDecorators(
    SetMetadata(ACCESS, access),
    ApiExtension(ACCESS_EXTENSION, access),
    ...(access.isPublic ? [ApiSecurity({})] : []),
  );

/** Open to everybody: health, the pages that explain errors. */
export const Public = () => declare({ isPublic: true });

/** Open to whoever has an address that was signed here. The route itself must check the signature. */
export const BySignature = () => declare({ isPublic: true, isSigned: true });

/** For a tenant's credential with this scope, whatever the method. */
export const Needs = (scope: Scope) => declare({ scope });

/** For administrators: of a tenant, or operators about what belongs to none. */
export const ForAdministrators = () => declare({ scope: 'admin', isTenantOptional: true });

/** For operators: credentials of no tenant, with this scope. */
export const ForOperators = (scope: Scope) => declare({ scope, isForOperators: true });

/** For the tenant with the method's own scope, and for the worker that holds the job. */
export const AlsoForHolder = () => declare({ isForHolder: true });
