"""The instructor's side: releasing, running submissions, keeping the class; needs `cnnlab[grading]`."""
