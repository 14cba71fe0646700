// What Swift has no portable word for: a thread-local counter and the processor's spin-wait hint.
#ifndef CKTHREAD_H
#define CKTHREAD_H

// The calling thread's counter of open `withoutGradient` blocks.
int *ck_gradient_pause_depth(void);

// Tells the processor that this thread waits in a loop.
void ck_spin_hint(void);

// What debuggers call the calling thread; of a longer name, the first 15 bytes.
void ck_name_this_thread(const char *name);

// How many processors the calling process may run on (its affinity mask), at least 1.
int ck_usable_cpu_count(void);

#endif
