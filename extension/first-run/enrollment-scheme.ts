/** Enrolments as documents. Everything needed to show one stands in its URI, and its token does not. */
export const ENROLLMENT_SCHEME = 'nixfleet-enrollment';
