"""One writer per workspace: jobs that wait at the same moment form one commit group."""
