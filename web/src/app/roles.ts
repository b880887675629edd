import type { Role } from '../api/account';

// The server decides; these only choose what the page offers.

/** mayAdminister reports whether a role may read users and audit events. */
export const mayAdminister = (role: Role | undefined) => role === 'admin' || role === 'auditor';

/** mayChangeUsers reports whether a role may change users. */
export const mayChangeUsers = (role: Role | undefined) => role === 'admin';

export const roles: readonly Role[] = ['user', 'auditor', 'admin'];
