#ifndef CPQ_SYSTEM_H
#define CPQ_SYSTEM_H

/* renameat2(2) with RENAME_NOREPLACE: the C library's headers show it to Swift only with _GNU_SOURCE.
 * Returns 0, or -1 with errno set (EEXIST if `to` exists). */
int cpq_rename_noreplace(const char *from, const char *to);

#endif
