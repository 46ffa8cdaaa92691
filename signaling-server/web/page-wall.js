// SPDX-License-Identifier: LGPL-2.1-or-later
// The control room's page: what an admin's link opens.

export { start } from './page-operator.js';
