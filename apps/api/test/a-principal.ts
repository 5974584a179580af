import { SCOPES } from '@influencerai/shared';
import type { Principal } from '../src/auth/principal.js';

/** A caller who may do everything for one tenant. */
export const aPrincipal = (tenantId = 'tenant_demo'): Principal => ({ tenantId, isOperator: false, scopes: SCOPES });
